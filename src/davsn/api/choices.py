"""The values that options of the command line can take. This module imports no PyTorch, so help is printed at once."""

from typing import Literal

from davsn.data.benchmarks import Benchmark
from davsn.data.importing import Form
from davsn.flow.files.choices import FormName as FormName
from davsn.flow.files.choices import Unit as Unit
from davsn.flow.files.direction import RECORD as RECORD
from davsn.flow.files.direction import Direction as Direction

ImportForm = Form
Layout = Literal["folder"] | Benchmark
