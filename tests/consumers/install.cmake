# Installs the library into one folder and moves it to another: the package must not remember where
# it was installed.
file(REMOVE_RECURSE ${WORK}/first_prefix ${WORK}/prefix)
execute_process(
  COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first_prefix --component pixelgrad_development
  COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${WORK}/first_prefix ${WORK}/prefix)
