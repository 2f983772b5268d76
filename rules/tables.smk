rule x:
    message: "x"
