# A canonical customer profile as the legacy ERP's document: the way back of erp-customer.jq.

def full_name: [.first_name, .last_name] | map(select(.)) | if length > 0 then join(" ") else null end;

.number as $number |
{
  number,
  name,
  group,
  vat_number,
  blocked,
  notes,
  contacts: ((.contacts // []) | map({
    # The ERP counts contacts per customer, and knows those of others by their own id.
    id: (.id | ltrimstr("\($number)/") | tonumber? // .),
    first_name,
    last_name,
    email,
    phone,
    role
  })),
  addresses: ((.addresses // []) | map({
    code,
    # An address of the ERP has one kind.
    kind: (.kinds[0] // "billing"),
    # The company is the customer's own name there.
    contact_name: full_name,
    street,
    street2,
    city,
    postcode,
    region,
    country
  }))
}
