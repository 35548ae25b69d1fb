"""Reports: images of masks and flow, loss curves, and one page that shows a whole run."""
