// Adds a header to requests and responses and logs what it sees, in the style of the SDK's documentation. The
// SDK's log() writes to standard output.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  log,
  LogLevelValues,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class GuestRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new Guest(context_id, this);
  }
}

class Guest extends Context {
  constructor(context_id: u32, root_context: GuestRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(count: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const path = stream_context.headers.request.get(":path");
    log(LogLevelValues.info, "request " + path + ", end of stream " + end_of_stream.toString());
    stream_context.headers.request.add("x-assemblyscript", "request");
    stream_context.headers.request.remove("x-removed");
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    if (end_of_stream) log(LogLevelValues.info, "the request body ends");
    return FilterDataStatusValues.Continue;
  }

  onResponseHeaders(count: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const status = stream_context.headers.response.get(":status");
    log(LogLevelValues.warn, "response " + status);
    const configuration = this.root_context.getConfiguration().trim();
    stream_context.headers.response.add("x-assemblyscript", configuration);
    stream_context.headers.response.replace("x-replaced", "by the guest");
    return FilterHeadersStatusValues.Continue;
  }

  onLog(): void {
    log(LogLevelValues.info, "log");
  }

  onDone(): bool {
    log(LogLevelValues.info, "done");
    return true;
  }

  onDelete(): void {
    log(LogLevelValues.info, "deleted");
  }
}

registerRootContext((context_id: u32): RootContext => new GuestRoot(context_id), "assemblyscript");
