"""The names of the forms of flow files, apart from their code, so that the command line can list them at once."""

from typing import Literal

FormName = Literal["npy", "flo", "kitti", "vkitti", "unifiedvideoda", "packed"]
"""The names of :data:`davsn.flow.files.forms.FORMS`."""
