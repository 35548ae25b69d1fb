"""The layout of Cityscapes-VPS: ``<split>/img_all`` with all frames, and ``img`` and ``labelmap`` with every fifth."""

from davsn.data.export.files import Place, png


def write(place: Place) -> None:
    """Write one frame; see :func:`davsn.data.export.write_frame`."""
    name = f"streets_{place.clip:06d}_{place.position:06d}"
    place.save_picture(f"{place.split}/img_all/{name}_leftImg8bit.png")
    if place.position % 5 == 4:
        numbered = f"{place.clip + 1:04d}_{place.position + 1:04d}_{name}"
        place.save_picture(f"{place.split}/img/{numbered}_newImg8bit.png")
        place.save_bytes(f"{place.split}/labelmap/{numbered}_final_mask.png", png(place.ids("kitti_step")))
    place.save_flow(f"Estimated_optical_flow_Cityscapes-VPS_{place.split}/{name}_{place.position - 1:06d}")
