# How this project declares its pieces. Every module's CMakeLists.txt uses only these functions.
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CUNIT REQUIRED IMPORTED_TARGET cunit)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
find_package(Threads REQUIRED)

add_library(tc_flags INTERFACE)
target_compile_options(tc_flags INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
                       -Wvla -Wpointer-arith -Wwrite-strings -Werror -fno-common -fstack-protector-strong)
target_compile_definitions(tc_flags INTERFACE _GNU_SOURCE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
target_include_directories(tc_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/proto)
if(TC_SANITIZE)
  add_compile_options(-fsanitize=${TC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TC_SANITIZE})
endif()
if(TC_SANITIZE MATCHES address AND CMAKE_C_COMPILER_ID STREQUAL Clang)
  add_compile_definitions(__SANITIZE_ADDRESS__=1) # as gcc says it
endif()
if(TC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(TC_CRASH_POINTS)
  target_compile_definitions(tc_flags INTERFACE TC_CRASH_POINTS)
endif()
add_custom_target(checks)  # all unit and store tests and what they run
add_custom_target(fuzzers) # all fuzz targets

# tc_library(NAME SOURCES… LIBS…): a static library tc_<name>.
function(tc_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_library(tc_${name} STATIC ${A_SOURCES})
  target_link_libraries(tc_${name} PUBLIC tc_flags ${A_LIBS})
endfunction()

# tc_program(NAME SOURCES… LIBS…): an executable.
function(tc_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE tc_flags ${A_LIBS})
endfunction()

# tc_test(NAME LABEL unit|store|scenario SOURCES… LIBS… [TIMEOUT s] [COST s]): one CUnit executable, one CTest entry.
# COST: about its seconds, where it is long; the longest begin first.
function(tc_test name)
  cmake_parse_arguments(A "" "LABEL;TIMEOUT;COST" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE tc_flags ${A_LIBS} PkgConfig::CUNIT)
  target_compile_definitions(${name} PRIVATE TC_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TC_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT})
  if(A_COST)
    set_tests_properties(${name} PROPERTIES COST ${A_COST})
  endif()
  if(NOT A_LABEL STREQUAL scenario)
    add_dependencies(checks ${name})
  endif()
endfunction()

# tc_fuzz(NAME SOURCES… LIBS…): a libFuzzer target (LLVMFuzzerTestOneInput), built with the `asan` preset only. Its corpus
# is tests/fuzz/corpus/<name>/.
function(tc_fuzz name)
  if(TC_FUZZ)
    cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE tc_flags ${A_LIBS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/fuzz/run $<TARGET_FILE:${name}>)
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 180)
    add_dependencies(fuzzers ${name})
  endif()
endfunction()
