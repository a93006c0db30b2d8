from ._items import Items as Items
from ._items import open_items as open_items
