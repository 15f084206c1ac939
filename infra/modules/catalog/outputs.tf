output "database_names" {
  description = "The databases, one per namespace."
  value       = [for database in aws_glue_catalog_database.this : database.name]
}
