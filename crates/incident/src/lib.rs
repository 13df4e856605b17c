//! What a runbook says of incidents, read from what teams write anyway: severities with their times, who is called
//! when, which alert means which procedure, what is to be told to whom. It asks no clock: whoever calls gives the time.
