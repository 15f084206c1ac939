# One Glue database per namespace of the tables. The tables in them are made and evolved by the stages that write them.
resource "aws_glue_catalog_database" "this" {
  for_each = var.namespaces

  name        = each.key
  description = each.value

  # Iceberg puts a table into `<location_uri>/<table>`: the layout a local warehouse has. Without it the folder would be
  # `<namespace>.db`, and the roles of the stages would name folders that nobody writes.
  location_uri = "${var.warehouse_uri}/${each.key}"
}
