//! OrderFlow, OroCommerce, REST and files: each a protocol in both directions.
