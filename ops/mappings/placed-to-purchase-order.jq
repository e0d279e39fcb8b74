# An order that was placed with a supplier, as OrderFlow's purchaseOrder import: what the purchasing system
# calls its customer is the supplier. Lines are tied to the purchase order by Ferry.

.identifier as $identifier |
{
  purchaseOrder: {
    supplier: .customer.name,
    supplierReference: .customer.number
  },
  purchaseOrderLine: [
    .lines[] | {
      product: .sku,
      quantity,
      externalReference: (.reference // "\($identifier)-\(.number)")
    }
  ]
}
