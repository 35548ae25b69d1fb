"""Pictures of docs/: each script draws one."""
