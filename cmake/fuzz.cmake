# fuzz/<name>_fuzz.cc -> one libFuzzer program each; its seed corpus is fuzz/corpus/<name>/. A target links
# only the layer it tests.
set(FUZZ_LAYER_page_parser forager_collectors)
set(FUZZ_LAYER_job_codec forager_job)
set(FUZZ_LAYER_event_codec forager_job)
set(FUZZ_LAYER_request_parser forager_http)
set(FUZZ_LAYER_cron forager_calendar)
set(FUZZ_LAYER_zone forager_calendar)
set(FUZZ_LAYER_line_changes forager_supervisor)

# The libraries must be instrumented too, or the fuzzer is blind.
foreach(layer os job calendar http collectors supervisor)
  if(TARGET forager_${layer})
    target_compile_options(forager_${layer} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endforeach()

add_custom_target(fuzzers)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*_fuzz.cc)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" subject ${name})
  add_executable(${name} ${source})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${FUZZ_LAYER_${subject}})
  add_dependencies(fuzzers ${name})
endforeach()
