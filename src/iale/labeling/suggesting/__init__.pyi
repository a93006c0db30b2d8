from ._predictions import import_suggestions as import_suggestions
from ._sources import Source as Source
