# SPDX-License-Identifier: MIT
# Writes ${OUT}: a C table of the files in the list ${FILES}, by file name; those
# in ${ROOT}/templates, ${ROOT}/lua/redis and ${ROOT}/console/dist by their path from ${ROOT}.
set(table "")
set(body "#include \"base/embedded.h\"\n\n")
set(n 0)
foreach(file ${FILES})
  file(RELATIVE_PATH name ${ROOT} ${file})
  if(NOT name MATCHES "^(templates|lua/redis|console/dist)/")
    get_filename_component(name ${file} NAME)
  endif()
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
    "\\1\n" bytes "${bytes}")
  string(APPEND body "static const unsigned char f${n}[] = {${bytes}0};\n")
  string(APPEND table "  {\"${name}\", (const char *)f${n}, sizeof f${n} - 1},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "${body}
const struct embedded embedded_files[] = {
${table}  {0, 0, 0},
};
")
