{number, name}
