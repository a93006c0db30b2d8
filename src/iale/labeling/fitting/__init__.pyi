from .saved import SavedClassifier as SavedClassifier
from .saved import export_classifier as export_classifier
from .saved import fit_now as fit_now
from .saved import load_classifier as load_classifier
from .saved import load_latest as load_latest
from .scores import scores_csv as scores_csv
