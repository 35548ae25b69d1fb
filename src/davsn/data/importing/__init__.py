"""Import of what labelling tools write: each form has a module, which turns it into frames and label maps.

No library does this. The light ones read none of the forms (pycocotools has no panoptic images), and Datumaro brings 22
further packages, pandas and pyarrow among them. Each form is a JSON file of polygons, or an image of numbers, so its
reader is short.
"""

from typing import Literal

Form = Literal["cvat", "supervisely", "labelme", "coco-panoptic"]
"""The forms that can be imported: CVAT's and Datumaro's masks with a labelmap.txt, a project of Supervisely, labelme's
JSON files beside the images, and the JSON of COCO panoptic with its images of segments."""
