del(.updated_at)
