from .cpu_optim_wrapper import CPUOptimWrapper

__all__ = ['CPUOptimWrapper']
