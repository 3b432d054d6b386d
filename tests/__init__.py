"""One thread, here and in what tests start, before torch is imported and reads it.

On small images more threads wait for each other.
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'
