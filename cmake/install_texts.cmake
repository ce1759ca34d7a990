# Run at the installation: files that name where the rest was installed, and those that the program
# writes about itself.
set(prefix "${CMAKE_INSTALL_PREFIX}")
set(root "$ENV{DESTDIR}${prefix}")
if(prefix MATCHES "^/usr/?$")
  set(etc "/etc")
else()
  set(etc "${prefix}/etc")
endif()
set(config "$ENV{DESTDIR}${etc}/forager/forager.toml")
set(CMAKE_INSTALL_FULL_BINDIR "${prefix}/bin")
set(FORAGER_CONFIG "${etc}/forager/forager.toml")

configure_file("${FORAGER_DEPLOY}/systemd/forager.service.in" "${root}/lib/systemd/system/forager.service" @ONLY)
message(STATUS "Installing: ${root}/lib/systemd/system/forager.service")
if(EXISTS "${config}")
  message(STATUS "Kept as it is: ${config}")
else()
  configure_file("${FORAGER_DEPLOY}/forager.toml" "${config}" COPYONLY)
  message(STATUS "Installing: ${config}")
endif()
configure_file("${FORAGER_DEPLOY}/forager.logrotate" "$ENV{DESTDIR}${etc}/logrotate.d/forager" COPYONLY)

foreach(text
    "man|share/man/man1/forager.1"
    "completion bash|share/bash-completion/completions/forager"
    "completion zsh|share/zsh/vendor-completions/_forager"
    "completion fish|share/fish/vendor_completions.d/forager.fish")
  string(REPLACE "|" ";" parts "${text}")
  list(GET parts 0 arguments)
  list(GET parts 1 place)
  separate_arguments(arguments)
  execute_process(COMMAND "${FORAGER_BINARY}" ${arguments} OUTPUT_VARIABLE words ERROR_VARIABLE wrong RESULT_VARIABLE result)
  if(result EQUAL 0)
    file(WRITE "${root}/${place}" "${words}")
    message(STATUS "Installing: ${root}/${place}")
  else()
    message(WARNING "forager ${arguments}: ${wrong}")
  endif()
endforeach()
