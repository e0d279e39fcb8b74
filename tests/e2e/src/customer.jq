# The number and the name of a customer of the simulated ERP.
{ number, name }
