"""What coop needs in order to work here, checked one thing at a time, each failure with its mend."""
