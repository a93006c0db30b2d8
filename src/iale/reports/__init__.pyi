from .bench import write_bench_report as write_bench_report
from .report import write_report as write_report
from .results import results_page as results_page
