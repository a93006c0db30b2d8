from .experiment import write_experiment_report as write_experiment_report
from .report import write_report as write_report
