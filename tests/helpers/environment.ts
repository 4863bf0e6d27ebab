// An Output that ends up in a string is a mistake: make it throw instead of printing a hint.
process.env["PULUMI_ERROR_OUTPUT_STRING"] = "1";
