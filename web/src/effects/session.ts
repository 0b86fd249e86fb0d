import type { SetupRequest, SignedOutProblem } from "@landfall/proto/api";
import { ApiError, messageOf } from "../api/http.js";
import type { App } from "./app.js";

/** Asks who is signed in, at start and when the person tries again. */
export async function checkSession(app: App): Promise<void> {
  app.store.dispatch({ type: "session/checking" });
  await askSession(app);
}

/** The same while the page stays as it is: nobody has pressed anything. */
export async function askSession(app: App): Promise<void> {
  try {
    const session = await app.api.session();
    app.store.dispatch({ type: "session/signed-in", session });
    if (session.shared !== undefined) {
      app.store.dispatch({ type: "view/selected", selection: { kind: "container", id: session.shared } });
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      const problem: SignedOutProblem | undefined = error.problem;
      const { demo, setup, provider } = problem ?? {};
      const message = app.isShared ? { message: error.message } : {};
      app.store.dispatch({
        type: "session/signed-out",
        ...(demo && { demo }),
        ...(setup && { setup }),
        ...(provider && { provider }),
        ...message,
      });
    } else {
      app.store.dispatch({ type: "session/unreachable", message: messageOf(error) });
    }
  }
}

export async function signIn(app: App, username: string, password: string): Promise<void> {
  app.store.dispatch({ type: "session/signing-in" });
  try {
    app.store.dispatch({ type: "session/signed-in", session: await app.api.signIn(username, password) });
  } catch (error) {
    app.store.dispatch({ type: "session/signed-out", message: signInMessage(error) });
  }
}

/** Makes the first administrator; what is wrong with it is said in the server's words. */
export async function setUp(app: App, request: SetupRequest): Promise<void> {
  app.store.dispatch({ type: "session/signing-in" });
  try {
    app.store.dispatch({ type: "session/signed-in", session: await app.api.setUp(request) });
  } catch (error) {
    app.store.dispatch({ type: "session/signed-out", message: messageOf(error) });
  }
}

function signInMessage(error: unknown): string {
  if (!(error instanceof ApiError)) return messageOf(error);
  if (error.status === 401 || error.status === 403) {
    return "Name and password do not belong together. Both are case-sensitive; is Caps Lock on?";
  }
  if (error.status === 429) return "Too many tries. Wait a minute, then try again.";
  return error.message;
}

/** Leaves the screen empty at once, even if the server does not answer. */
export async function signOut(app: App): Promise<void> {
  try {
    await app.api.signOut();
  } catch {
    // The cookie may live on; the check that follows shows whether it does.
  }
  app.store.dispatch({ type: "session/signed-out" });
  await checkSession(app);
}
