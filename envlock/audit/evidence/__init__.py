"""Evidence of an environment for a paper: gathered, written as one folder, and checked again.

documents   reports and receipts, as other hosts hand them over
gather      a lock, documents and an environment -> Evidence
sbom, page, appendix, checklist, crate, statement   Evidence -> a file of the folder, each
folder      all of them together                    signing   ssh-keygen, which alone sees a key
opened, check, witnesses    a folder or an archive -> does it all still hold, and who says so
"""
