# SPDX-License-Identifier: Apache-2.0
# Lets the stock CMakeLists.txt of an ament package build against the ROS 2 wheels of a virtual environment.
# Injected with -DCMAKE_PROJECT_INCLUDE=...; does nothing where a ROS distribution is sourced.
if(DEFINED ENV{ROS_DISTRO} OR DEFINED ENV{AMENT_PREFIX_PATH})
  return()
endif()

# The wheels live in the virtual environment whose Python comes first on PATH.
find_program(_turret_python NAMES python3 python REQUIRED)
execute_process(
  COMMAND "${_turret_python}" -c "import sys; print(sys.prefix)"
  OUTPUT_VARIABLE _turret_prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(ENV{AMENT_PREFIX_PATH} "${_turret_prefix}")

# The wheels' exported targets name include folders of the container that built them: drop those that are not here.
function(_turret_drop_missing_includes)
  get_directory_property(targets IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(present "")
    foreach(folder IN LISTS folders)
      if(folder MATCHES "^\\$<" OR EXISTS "${folder}")
        list(APPEND present "${folder}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${present}")
  endforeach()
endfunction()
cmake_language(DEFER CALL _turret_drop_missing_includes)

# Python does not need the interface for C++, which is half of the work.
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "_cpp:")

# The generators share what they have parsed.
foreach(extension IN LISTS AMENT_EXTENSIONS_rosidl_generate_idl_interfaces)
  string(REGEX REPLACE ":.*" "" generator "${extension}")
  set(${generator}_BIN "${CMAKE_CURRENT_LIST_DIR}/shared_parse.py" "${${generator}_BIN}")
endforeach()

# A few large compilations take a fraction of the time of hundreds of small ones. Descriptions, which are nothing but
# data, use the same names in each file and stay apart.
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 20)
function(_turret_keep_descriptions_apart)
  get_target_property(sources ${PROJECT_NAME}__rosidl_generator_c SOURCES)
  list(FILTER sources INCLUDE REGEX "__description\\.c$")
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
cmake_language(DEFER CALL _turret_keep_descriptions_apart)
