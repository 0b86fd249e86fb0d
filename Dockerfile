# One image for every process of docker-compose.yml; the command says which one it is.
FROM node:22-bookworm-slim AS build
WORKDIR /landfall
ENV TURBO_TELEMETRY_DISABLED=1
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM node:22-bookworm-slim
WORKDIR /landfall
ENV NODE_ENV=production
COPY --from=build /landfall /landfall
# The volume takes over the owner of the folder.
RUN mkdir /demo && chown node:node /demo
USER node
VOLUME /demo
CMD ["node", "bin/landfall.mjs", "--help"]
