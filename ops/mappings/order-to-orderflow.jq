# What this warehouse wants of an order beyond what Ferry sends: laid over it, property by property.

{
  source: "web",
  shipment: {
    deliveryInstruction: .notes
  },
  orderLine: [
    .lines[] | { userDefined2: .comment }
  ]
}
