/** The options of a client. */
export interface ClientOptions {
  /** The URL or path of the API. */
  baseUrl?: string;
  /** Headers of all requests, such as X-CSRF-Token or Authorization, or a function that returns them for each request. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /** The function that sends requests, instead of the global one. */
  fetch?: typeof fetch;
}

/** A response with the status of an error. */
export class ApiError extends Error {
  /** The error, as the server describes it. */
  readonly problem: Problem;
  /** The response. Its body has been read. */
  readonly response: Response;

  constructor(problem: Problem, response: Response) {
    super(problem.detail);
    this.name = "ApiError";
    this.problem = problem;
    this.response = response;
  }
}

/** The promise of a result. */
export interface Call<T> extends Promise<T> {
  /** Returns the result together with the response, for its headers. */
  withResponse(): Promise<{ data: T; response: Response }>;
}

/** Sends the requests of the API. */
export class Client {
  private readonly options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.options = options;
  }
<operations>
  private send<T>(method: string, path: string, parameters: object = {}, body?: unknown): Call<T> {
    const answer = this.request<T>(method, path, parameters, body);
    const data = answer.then((answer) => answer.data);
    const withResponse = () => {
      // The caller handles the errors of the other promise.
      data.catch(() => {});
      return answer;
    };
    return Object.assign(data, { withResponse });
  }

  private async request<T>(method: string, path: string, parameters: object, body: unknown): Promise<{ data: T; response: Response }> {
    const { baseUrl = DEFAULT_URL, headers: own = {}, fetch: send = fetch } = this.options;
    const headers: Record<string, string> = { Accept: "application/json", ...(typeof own === "function" ? await own() : own) };
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters) as [string, unknown][]) {
      if (value === undefined) continue;
      if (HEADERS.includes(name)) headers[name] = String(value);
      else query.set(name, String(value));
    }
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    const search = query.toString();
    const response = await send(baseUrl.replace(/\/$/, "") + path + (search && `?${search}`), init);
    if (!response.ok) throw new ApiError(await problemOf(response), response);
    const data: unknown = response.status === 204 ? undefined : await response.json();
    return { data: data as T, response };
  }
}

/** Returns the error of a response. One that does not come from the API, such as that of a proxy, has no description. */
async function problemOf(response: Response): Promise<Problem> {
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) return response.json();
  const { status, statusText } = response;
  return { title: statusText, status, code: "unknown", detail: `The server answered ${status} ${statusText}`.trim(), request_id: "" };
}
