# The dashboard: web/ is built by npm and Vite, then embedded into forager_dashboard. Nothing runs while
# web/ stays as it is; node_modules is made again only when the lock file changes.
find_program(NODE node REQUIRED)
find_program(NPM npm REQUIRED)

set(web ${CMAKE_SOURCE_DIR}/web)
set(installed ${web}/node_modules/.package-lock.json)  # npm's own mark of a finished install
set(page ${CMAKE_BINARY_DIR}/web/index.html)
set(embedded ${CMAKE_BINARY_DIR}/generated/dashboard/files.cc)
file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${web}/src/*)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/dashboard)

add_custom_command(OUTPUT ${installed}
  COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error
  DEPENDS ${web}/package.json ${web}/package-lock.json
  WORKING_DIRECTORY ${web}
  COMMENT "Installing the dashboard's packages")
add_custom_command(OUTPUT ${page}
  COMMAND ${NODE} node_modules/typescript/bin/tsc --noEmit
  COMMAND ${NODE} node_modules/vite/bin/vite.js build --logLevel warn --outDir ${CMAKE_BINARY_DIR}/web --emptyOutDir
  DEPENDS ${installed} ${web_sources} ${web}/index.html ${web}/tsconfig.json ${web}/vite.config.ts
  WORKING_DIRECTORY ${web}
  COMMENT "Building the dashboard")
add_custom_command(OUTPUT ${embedded}
  COMMAND ${NODE} ${web}/embed.mjs ${CMAKE_BINARY_DIR}/web ${embedded}
  DEPENDS ${page} ${web}/embed.mjs
  COMMENT "Embedding the dashboard")
target_sources(forager_dashboard PRIVATE ${embedded})
