from .card import data_card as data_card
from .coco import coco_json as coco_json
from .folders import export_folders as export_folders
from .parquet import export_datasets as export_datasets
from .tables import labels_csv as labels_csv
from .tables import labels_jsonl as labels_jsonl
from .torch_data import LabeledDataset as LabeledDataset
