//! OrderFlow, OroCommerce and a legacy ERP, simulated to the status code. Knows nothing of shared/.
