from .points import Points as Points
