# What stands in for the bases of the images; stand-ins.sh makes its context.

FROM scratch AS deepstream
ADD root.tar /
CMD ["bash"]

FROM deepstream AS node
COPY local/ /usr/local/
