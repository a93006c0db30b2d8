from .ray import RayExecutor as RayExecutor
