"""Whether game → dashcam is harder than game → camera: the demo's three networks on the harder pair.

Run: python -m benchmarks.studies.harder_pair [--seeds 1 2 3]
Everything but the target domain is as in the demo. Rows that the record has are not run again.
"""

from benchmarks.studies.demo import study

if __name__ == "__main__":
    study("harder_pair", "The demo on game → dashcam", __doc__, target="dashcam")
