"""The names of the forms of flow files, apart from their code, so that the command line can list them at once."""

from typing import Literal

FormName = Literal["npy", "flo", "kitti", "vkitti", "unifiedvideoda", "pfm", "pixels", "npz", "packed"]
"""The names of :data:`davsn.flow.files.forms.FORMS`."""

Unit = Literal["pixels", "tenths", "size"]
"""The units of numbers in NumPy files: pixels, tenths of a pixel, or shares of the width (x) and the height (y)."""
