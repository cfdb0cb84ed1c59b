// A client of the API Helpdesk 1. Do not edit it: it was printed by the command api client typescript.

const DEFAULT_URL = "/api";

/** The parameters that are sent as headers. */
const HEADERS: string[] = ["Idempotency-Key", "If-Match"];

export interface NewNote {
  text: string;
  /** The key of a row of Tickets. */
  ticket_id: number;
}

export interface NewTicket {
  /** The key of a row of Agents. */
  agent_id: number;
  code?: string | null;
  points?: number | null;
  state?: "open" | "closed";
  title: string;
}

export interface Note {
  id: number;
  text: string;
  /** Only with include=ticket. */
  ticket?: {
    title: string;
  } | null;
  /** The key of a row of Tickets. */
  ticket_id: number;
}

export interface NoteChange {
  text?: string;
  /** The key of a row of Tickets. */
  ticket_id?: number;
}

export interface NotePage {
  items: Note[];
  page: number;
  pages: number;
  total: number;
}

export interface NoteReplacement {
  text: string;
  /** The key of a row of Tickets. */
  ticket_id: number;
}

/** An error (RFC 9457). */
export interface Problem {
  /** The error for programs. */
  code: string;
  /** The error for people. */
  detail: string;
  /** The values that are not valid. */
  errors?: {
    detail: string;
    /** The place of the value, as a JSON pointer (RFC 6901). */
    pointer: string;
  }[];
  /** The id of the request in the log. */
  request_id: string;
  status: number;
  /** The status in words. */
  title: string;
}

export interface Ticket {
  /** Only with include=agent. */
  agent?: {
    id: number;
    name: string;
  } | null;
  /** The key of a row of Agents. */
  agent_id?: number;
  code?: string | null;
  created_at?: string;
  id?: number;
  points?: number | null;
  state?: "open" | "closed";
  title?: string;
}

export interface TicketChange {
  /** The key of a row of Agents. */
  agent_id?: number;
  code?: string | null;
  points?: number | null;
  state?: "open" | "closed";
  title?: string;
}

export interface TicketPage {
  items: Ticket[];
  /** The value of the parameter after for the next page. */
  next: string | null;
  /** The value of the parameter before for the previous page. */
  previous: string | null;
}

export interface TicketReplacement {
  /** The key of a row of Agents. */
  agent_id: number;
  code?: string | null;
  points?: number | null;
  state?: "open" | "closed";
  title: string;
}

export interface ListNotesParameters {
  /** The number of rows on a page. */
  limit?: number;
  /** The number of the page. A number past the end returns the last page. */
  page?: number;
  /** The references whose rows are included. */
  include?: "ticket"[];
}

export interface CreateNotesParameters {
  /** The references whose rows are included. */
  include?: "ticket"[];
  /** A random text that names this request. A request that repeats it within 24 hours changes nothing, and gets the response to the first one. With another path or body, it is a 422 (idempotency_key_reused). If that response was not kept, it is a 409 (idempotency_response_not_kept). */
  "Idempotency-Key"?: string;
}

export interface GetNotesParameters {
  /** The references whose rows are included. */
  include?: "ticket"[];
}

export interface ChangeNotesParameters {
  /** The references whose rows are included. */
  include?: "ticket"[];
  /** A random text that names this request. A request that repeats it within 24 hours changes nothing, and gets the response to the first one. With another path or body, it is a 422 (idempotency_key_reused). If that response was not kept, it is a 409 (idempotency_response_not_kept). */
  "Idempotency-Key"?: string;
}

export interface ReplaceNotesParameters {
  /** The references whose rows are included. */
  include?: "ticket"[];
}

export interface ListTicketsParameters {
  /** Rows whose title is equal to this value. */
  title?: string;
  /** Rows whose title is one of these values. */
  title__in?: string[];
  /** Rows whose title contains this text. */
  title__contains?: string;
  /** Rows whose state is equal to this value. */
  state?: "open" | "closed";
  /** Rows whose state is one of these values. */
  state__in?: ("open" | "closed")[];
  /** Rows whose agent_id is equal to this value. */
  agent_id?: number;
  /** Rows whose agent_id is one of these values. */
  agent_id__in?: number[];
  /** Rows whose points is equal to this value. */
  points?: number;
  /** Rows whose points is one of these values. */
  points__in?: number[];
  /** Rows whose points is more than this value. */
  points__gt?: number;
  /** Rows whose points is at least this value. */
  points__gte?: number;
  /** Rows whose points is less than this value. */
  points__lt?: number;
  /** Rows whose points is at most this value. */
  points__lte?: number;
  /** Rows without a points, or with one. */
  points__isnull?: boolean;
  /** Rows whose created_at is equal to this value. */
  created_at?: string;
  /** Rows whose created_at is one of these values. */
  created_at__in?: string[];
  /** Rows whose created_at is more than this value. */
  created_at__gt?: string;
  /** Rows whose created_at is at least this value. */
  created_at__gte?: string;
  /** Rows whose created_at is less than this value. */
  created_at__lt?: string;
  /** Rows whose created_at is at most this value. */
  created_at__lte?: string;
  /** Rows that contain each of these words in title or code. */
  search?: string;
  /** The order: fields, each with a minus sign for descending order. */
  order?: ("created_at" | "-created_at" | "id" | "-id" | "points" | "-points" | "title" | "-title")[];
  /** The number of rows on a page. */
  limit?: number;
  /** The value of next in a page, for the page after it. */
  after?: string;
  /** The value of previous in a page, for the page before it. */
  before?: string;
  /** The fields of the response. */
  fields?: ("id" | "title" | "code" | "state" | "agent_id" | "points" | "created_at")[];
  /** The references whose rows are included. */
  include?: "agent"[];
}

export interface CreateTicketsParameters {
  /** The fields of the response. */
  fields?: ("id" | "title" | "code" | "state" | "agent_id" | "points" | "created_at")[];
  /** The references whose rows are included. */
  include?: "agent"[];
  /** A random text that names this request. A request that repeats it within 24 hours changes nothing, and gets the response to the first one. With another path or body, it is a 422 (idempotency_key_reused). If that response was not kept, it is a 409 (idempotency_response_not_kept). */
  "Idempotency-Key"?: string;
}

export interface DeleteTicketsParameters {
  /** The ETag of the row that the client last read. */
  "If-Match"?: string;
}

export interface GetTicketsParameters {
  /** The fields of the response. */
  fields?: ("id" | "title" | "code" | "state" | "agent_id" | "points" | "created_at")[];
  /** The references whose rows are included. */
  include?: "agent"[];
}

export interface ChangeTicketsParameters {
  /** The fields of the response. */
  fields?: ("id" | "title" | "code" | "state" | "agent_id" | "points" | "created_at")[];
  /** The references whose rows are included. */
  include?: "agent"[];
  /** The ETag of the row that the client last read. */
  "If-Match"?: string;
  /** A random text that names this request. A request that repeats it within 24 hours changes nothing, and gets the response to the first one. With another path or body, it is a 422 (idempotency_key_reused). If that response was not kept, it is a 409 (idempotency_response_not_kept). */
  "Idempotency-Key"?: string;
}

export interface ReplaceTicketsParameters {
  /** The fields of the response. */
  fields?: ("id" | "title" | "code" | "state" | "agent_id" | "points" | "created_at")[];
  /** The references whose rows are included. */
  include?: "agent"[];
  /** The ETag of the row that the client last read. */
  "If-Match"?: string;
}

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

  /** Lists notes. Needs the permission notes.view or notes.change. */
  listNotes(parameters: ListNotesParameters = {}): Call<NotePage> {
    return this.send("GET", "/notes", parameters);
  }

  /** Creates a note. Needs the permission notes.add. */
  createNotes(body: NewNote, parameters: CreateNotesParameters = {}): Call<Note> {
    return this.send("POST", "/notes", parameters, body);
  }

  /** Deletes a note. Needs the permission notes.delete. */
  deleteNotes(key: number): Call<void> {
    return this.send("DELETE", `/notes/${encodeURIComponent(key)}`);
  }

  /** Returns a note. Needs the permission notes.view or notes.change. */
  getNotes(key: number, parameters: GetNotesParameters = {}): Call<Note> {
    return this.send("GET", `/notes/${encodeURIComponent(key)}`, parameters);
  }

  /** Changes the fields of a note that are sent. Needs the permission notes.change. */
  changeNotes(key: number, body: NoteChange, parameters: ChangeNotesParameters = {}): Call<Note> {
    return this.send("PATCH", `/notes/${encodeURIComponent(key)}`, parameters, body);
  }

  /** Changes all fields of a note. Those that are not sent get their defaults. Needs the permission notes.change. */
  replaceNotes(key: number, body: NoteReplacement, parameters: ReplaceNotesParameters = {}): Call<Note> {
    return this.send("PUT", `/notes/${encodeURIComponent(key)}`, parameters, body);
  }

  /** Returns this document. */
  openapi(): Call<{ [name: string]: unknown }> {
    return this.send("GET", "/openapi.json");
  }

  /** Lists tickets. Needs the permission tickets.view or tickets.change. */
  listTickets(parameters: ListTicketsParameters = {}): Call<TicketPage> {
    return this.send("GET", "/tickets", parameters);
  }

  /** Creates a ticket. Needs the permission tickets.add. */
  createTickets(body: NewTicket, parameters: CreateTicketsParameters = {}): Call<Ticket> {
    return this.send("POST", "/tickets", parameters, body);
  }

  /** Deletes a ticket. Needs the permission tickets.delete. */
  deleteTickets(key: number, parameters: DeleteTicketsParameters = {}): Call<void> {
    return this.send("DELETE", `/tickets/${encodeURIComponent(key)}`, parameters);
  }

  /** Returns a ticket. Needs the permission tickets.view or tickets.change. */
  getTickets(key: number, parameters: GetTicketsParameters = {}): Call<Ticket> {
    return this.send("GET", `/tickets/${encodeURIComponent(key)}`, parameters);
  }

  /** Changes the fields of a ticket that are sent. Needs the permission tickets.change. */
  changeTickets(key: number, body: TicketChange, parameters: ChangeTicketsParameters = {}): Call<Ticket> {
    return this.send("PATCH", `/tickets/${encodeURIComponent(key)}`, parameters, body);
  }

  /** Changes all fields of a ticket. Those that are not sent get their defaults. Needs the permission tickets.change. */
  replaceTickets(key: number, body: TicketReplacement, parameters: ReplaceTicketsParameters = {}): Call<Ticket> {
    return this.send("PUT", `/tickets/${encodeURIComponent(key)}`, parameters, body);
  }

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
