// An Output that ends up in a string is a mistake: make it throw instead of printing a hint.
process.env["PULUMI_ERROR_OUTPUT_STRING"] = "1";

// Pulumi takes a stack trace for each promise, and jest asks for a hundred frames of each: Node's own ten are enough.
Error.stackTraceLimit = 10;

// It says so for each test file.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
