from .last_validation_hook import LastValidationHook

__all__ = ['LastValidationHook']
