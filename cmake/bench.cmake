# bench/<name>.cc -> one program each, outside `all`: cmake --build --preset release --target bench
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
add_custom_target(bench)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(bench_${name} PRIVATE forager_http forager_store)
  add_dependencies(bench bench_${name})
endforeach()
