from .config import ProjectConfig as ProjectConfig
