// The portal around us, through the vendor's SDK. Null when the page is not in a portal's frame.
// The SDK's own B24Frame brings its REST client along (40 KB sent); the server does our REST, so only
// the managers of the frame protocol are put together here.
import {
  AppFrame,
  AuthManager,
  DialogManager,
  MessageCommands,
  MessageManager,
  ParentManager,
  SliderManager,
} from "@bitrix24/b24jssdk";

const named = /^(?<DOMAIN>[^|]+)\|(?<PROTOCOL>[01])\|(?<APP_SID>.+)/.exec(window.name);

async function connect({ DOMAIN, PROTOCOL, APP_SID }) {
  const app = new AppFrame({ DOMAIN, PROTOCOL: PROTOCOL === "1", APP_SID, LANG: null });
  const messages = new MessageManager(app);
  messages.subscribe();
  const auth = new AuthManager(app, messages);
  const data = await messages.send(MessageCommands.getInitData, {});
  app.initData(data);
  auth.initData(data);
  if (data.FIRST_RUN) await messages.send(MessageCommands.setInstall, { install: true });
  return {
    auth,
    origin: auth.getTargetOrigin(),
    dialog: new DialogManager(messages),
    parent: new ParentManager(messages),
    slider: new SliderManager(app, messages),
    isInstallMode: data.INSTALL,
    installFinish: () => messages.send(MessageCommands.setInstallFinish, {}),
  };
}

/** @type {Promise<Awaited<ReturnType<typeof connect>> | null>} */
export const portal =
  window.parent !== window && named
    ? connect(named.groups).catch((error) => {
        console.warn("no connection to the portal's frame", error);
        return null;
      })
    : Promise.resolve(null);
