{sku, name}
