"""Target selection, prediction, backlash compensation, PID and limits."""
