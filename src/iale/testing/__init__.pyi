from .contexts import make_context as make_context
from .contexts import reorder as reorder
from .contract import check_strategy as check_strategy
from .tied import tied_contexts as tied_contexts
