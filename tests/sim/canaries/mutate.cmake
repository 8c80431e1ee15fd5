# cmake -DIN=… -DOUT=… -DBY=… -P mutate.cmake: the source with one passage replaced. BY sets OLD and NEW.
include(${BY})
file(READ ${IN} text)
string(FIND "${text}" "${OLD}" at)
if(at LESS 0)
  message(FATAL_ERROR "${IN} no longer has the passage that ${BY} replaces:\n${OLD}")
endif()
string(REPLACE "${OLD}" "${NEW}" text "${text}")
file(WRITE ${OUT} "${text}")
